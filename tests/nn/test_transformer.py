"""Attention both ways, and the block of BERT.

Sizes: B rows, T positions, D dim.
"""

import torch
import torch.nn.functional as F
from torch import nn

from nextitem.nn.attention import BidirectionalAttention
from nextitem.nn.transformer import BidirectionalBlock

DIM = 6
LENGTHS = torch.tensor([4, 2])
IS_PADDING = torch.tensor([[False, False, False, False], [False, False, True, True]])


def test_attention_equals_torch() -> None:
    attention, x = BidirectionalAttention(DIM, 2), torch.randn(2, 4, DIM)
    query, key, value = (
        part(x).view(2, 4, 2, 3).transpose(1, 2) for part in (attention.query, attention.key, attention.value)
    )
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=~IS_PADDING[:, None, None, :])
    by_torch = attention.output(mixed.transpose(1, 2).reshape(2, 4, DIM))
    torch.testing.assert_close(attention(x, LENGTHS), by_torch)


def test_block_equals_torchs_encoder_layer() -> None:
    block, x = BidirectionalBlock(DIM, 2, 10, dropout=0.0), torch.randn(2, 4, DIM)
    by_torch = nn.TransformerEncoderLayer(DIM, 2, 10, 0.0, "gelu", layer_norm_eps=1e-12, batch_first=True)
    attention, inner, outer = block.attention, block.feed_forward[0], block.feed_forward[2]
    projections = attention.query, attention.key, attention.value
    by_torch.load_state_dict(
        {
            "self_attn.in_proj_weight": torch.cat([one.weight for one in projections]),
            "self_attn.in_proj_bias": torch.cat([one.bias for one in projections]),
            **{f"self_attn.out_proj.{name}": one for name, one in attention.output.state_dict().items()},
            **{f"linear1.{name}": one for name, one in inner.state_dict().items()},
            **{f"linear2.{name}": one for name, one in outer.state_dict().items()},
            **{f"norm1.{name}": one for name, one in block.attention_norm.state_dict().items()},
            **{f"norm2.{name}": one for name, one in block.feed_forward_norm.state_dict().items()},
        }
    )
    expected = by_torch(x, src_key_padding_mask=IS_PADDING)
    torch.testing.assert_close(block(x, LENGTHS)[~IS_PADDING], expected[~IS_PADDING])


def test_position_sees_both_sides_and_no_padding() -> None:
    block, x = BidirectionalBlock(DIM, 2, 10, dropout=0.0), torch.randn(2, 4, DIM, requires_grad=True)
    (gradient,) = torch.autograd.grad(block(x, LENGTHS)[:, 1, 0].sum(), x)
    assert torch.equal(gradient.any(-1), ~IS_PADDING)
