"""Batches: training rows cut into tensors. Rows of similar length stand together, so there is little padding.

| kind      | a row is       | inputs                         | targets                 | trains    |
|-----------|----------------|--------------------------------|-------------------------|-----------|
| next_item | a user         | its items but the newest       | after each, the next    | SASRec    |
| prefix    | an interaction | the items before it            | the item, at the newest | SASRec    |
| cloze     | a user         | its items, some of them masked | the masked ones         | BERT4Rec  |
| pair      | an interaction | nothing                        | the item                | BPR, NCF  |
| bag       | a user         | all its items                  | all its items           | MultiVAE  |
"""

from nextitem.data.batches.asked import asked_of as asked_of
from nextitem.data.batches.asked import num_asked as num_asked
from nextitem.data.batches.bag import BagBatches as BagBatches
from nextitem.data.batches.batch import Batch as Batch
from nextitem.data.batches.batch import Stream as Stream
from nextitem.data.batches.by_name import BATCHES as BATCHES
from nextitem.data.batches.by_name import batch_keys as batch_keys
from nextitem.data.batches.by_name import find_batches as find_batches
from nextitem.data.batches.by_name import make_batches as make_batches
from nextitem.data.batches.cloze import ClozeBatches as ClozeBatches
from nextitem.data.batches.histories import history_batch as history_batch
from nextitem.data.batches.histories import holdout_batch as holdout_batch
from nextitem.data.batches.next_item import NextItemBatches as NextItemBatches
from nextitem.data.batches.pair import PairBatches as PairBatches
from nextitem.data.batches.prefix import PrefixBatches as PrefixBatches
from nextitem.data.batches.row_batches import Batches as Batches
from nextitem.data.batches.row_batches import RowBatches as RowBatches
from nextitem.data.batches.turns import Turns as Turns
from nextitem.data.batches.wanted import NOTHING as NOTHING
from nextitem.data.batches.wanted import Wanted as Wanted
from nextitem.data.batches.woven import WovenBatches as WovenBatches
from nextitem.data.batches.woven import num_steps as num_steps
from nextitem.data.batches.woven import of_steps as of_steps
