"""Every model by its name. A new one is a line here, a file beside this one, a recipe in `recipes/` and a test."""

from nextitem.models.general.bpr import BPR as BPR
from nextitem.models.general.ease import EASE as EASE
from nextitem.models.general.ials import IALS as IALS
from nextitem.models.general.item_knn import ItemKNN as ItemKNN
from nextitem.models.general.light_gcn import LightGCN as LightGCN
from nextitem.models.general.multi_vae import MultiVAE as MultiVAE
from nextitem.models.general.ncf import NCF as NCF
from nextitem.models.general.popularity import Popularity as Popularity
from nextitem.models.knowledge.cke import CKE as CKE
from nextitem.models.knowledge.kgcl import KGCL as KGCL
from nextitem.models.knowledge.kgrec import KGRec as KGRec
from nextitem.models.knowledge.ktup import KTUP as KTUP
from nextitem.models.knowledge.mkr import MKR as MKR
from nextitem.models.sequential.bert4rec import BERT4Rec as BERT4Rec
from nextitem.models.sequential.cl4srec import CL4SRec as CL4SRec
from nextitem.models.sequential.gru4rec import GRU4Rec as GRU4Rec
from nextitem.models.sequential.mamba4rec import Mamba4Rec as Mamba4Rec
from nextitem.models.sequential.markov_chain import MarkovChain as MarkovChain
from nextitem.models.sequential.sasrec import SASRec as SASRec
from nextitem.models.sequential.sasrecf import SASRecF as SASRecF
from nextitem.models.sequential.sigma import SIGMA as SIGMA
from nextitem.models.sequential.stamp import STAMP as STAMP
from nextitem.models.sequential.tisasrec import TiSASRec as TiSASRec
from nextitem.models.sequential.zero_block import ZeroBlock as ZeroBlock
from nextitem.models.social.diffnet import DiffNet as DiffNet
from nextitem.models.social.mhcn import MHCN as MHCN
