"""Terms of use and citations of a publisher's data sets. The publishers' own pages have the last word."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Terms:
    text: str
    citation: str
    page: str = ""


MOVIELENS = Terms(
    "GroupLens: research use; acknowledge it in publications; no redistribution, and no commercial use, without "
    "permission",
    "Harper and Konstan 2015, The MovieLens Datasets: History and Context, ACM TiiS 5(4):19",
    "https://grouplens.org/datasets/movielens/",
)
AMAZON_2014 = Terms(
    "McAuley lab, Amazon reviews 2014: published for research, no explicit licence",
    "McAuley et al. 2015, Image-based Recommendations on Styles and Substitutes, SIGIR",
    "https://cseweb.ucsd.edu/~jmcauley/datasets/amazon/links.html",
)
AMAZON_2018 = Terms(
    "McAuley lab, Amazon reviews 2018: published for research, no explicit licence",
    "Ni, Li and McAuley 2019, Justifying Recommendations using Distantly-Labeled Reviews and Fine-Grained Aspects, "
    "EMNLP",
    "https://cseweb.ucsd.edu/~jmcauley/datasets/amazon_v2/",
)
AMAZON_2023 = Terms(
    "McAuley lab, Amazon reviews 2023: published for research, no explicit licence",
    "Hou et al. 2024, Bridging Language and Items for Retrieval and Recommendation, arXiv:2403.03952",
    "https://amazon-reviews-2023.github.io/",
)
HETREC = Terms(
    "HetRec 2011, Last.fm: non-commercial use",
    "Cantador, Brusilovsky and Kuflik 2011, HetRec workshop, RecSys",
    "https://grouplens.org/datasets/hetrec-2011/",
)
BOOK_CROSSING = Terms(
    "Book-Crossing: collected for research, no explicit licence; cite",
    "Ziegler et al. 2005, Improving Recommendation Lists Through Topic Diversification, WWW",
)
RSC15 = Terms(
    "RecSys Challenge 2015, YooChoose: research",
    "Ben-Shimon et al. 2015, RecSys Challenge 2015 and the YOOCHOOSE Dataset, RecSys",
)
YELP = Terms("Yelp Dataset terms: academic use, no redistribution", "Yelp Dataset", "https://www.yelp.com/dataset")
LASTFM_1K = Terms(
    "Last.fm: non-commercial use; cite Celma",
    "Celma 2010, Music Recommendation and Discovery, Springer",
    "http://ocelma.net/MusicRecommendationDataset/lastfm-1K.html",
)
FOURSQUARE = Terms(
    "Yang et al.: research; cite",
    "Yang et al. 2015, IEEE Transactions on Systems, Man, and Cybernetics 45(1)",
    "https://sites.google.com/site/yangdingqi/home/foursquare-dataset",
)
CIAO = Terms(
    "Ciao (Tang, Gao and Liu): research; cite",
    "Tang, Gao and Liu 2012, mTrust: Discerning Multi-Faceted Trust in a Connected World, WSDM",
    "https://www.cse.msu.edu/~tangjili/trust.html",
)
RESEARCH = Terms("published for research, no explicit licence; cite", "")
YAMBDA = Terms(
    "Yandex, Yambda: Apache 2.0",
    "Ploshkin et al. 2025, Yambda-5B: A Large-Scale Multi-modal Dataset for Ranking and Retrieval, arXiv:2505.22238",
    "https://huggingface.co/datasets/yandex/yambda",
)
VK_LSVD = Terms(
    "VK, VK-LSVD: Apache 2.0",
    "VK-LSVD: A Large-Scale Industrial Dataset for Short-Video Recommendation, WWW 2026, arXiv:2602.04567",
    "https://huggingface.co/datasets/deepvk/VK-LSVD",
)
KUAIRAND = Terms(
    "Kuaishou, KuaiRand: CC BY-SA 4.0",
    "Gao et al. 2022, KuaiRand: An Unbiased Sequential Recommendation Dataset with Randomly Exposed Videos, CIKM",
    "https://kuairand.com/",
)
OTTO = Terms(
    "OTTO: CC BY 4.0",
    "Normann, Baumeister and Wilm 2022, OTTO Recommender Systems Dataset",
    "https://github.com/otto-de/recsys-dataset",
)
HM = Terms(
    "H&M, Kaggle competition: its rules state the terms; non-commercial and academic use",
    "H&M Group 2022, H&M Personalized Fashion Recommendations, Kaggle",
    "https://www.kaggle.com/competitions/h-and-m-personalized-fashion-recommendations",
)
MERREC = Terms(
    "Mercari, MerRec: CC BY-NC 4.0",
    "Li et al. 2024, MerRec: A Large-scale Multipurpose Mercari Dataset for Consumer-to-Consumer Recommendation "
    "Systems, arXiv:2402.14230",
    "https://huggingface.co/datasets/mercari-us/merrec",
)
TENREC = Terms(
    "Tencent, Tenrec: CC BY-NC 4.0, and the agreement on its page",
    "Yuan et al. 2022, Tenrec: A Large-scale Multipurpose Benchmark Dataset for Recommender Systems, NeurIPS",
    "https://github.com/yuangh-x/2022-NIPS-Tenrec",
)
NINEREC = Terms(
    "Westlake University, NineRec: no explicit licence; no changed copies may be passed on; cite",
    "Zhang et al. 2024, NineRec: A Benchmark Dataset Suite for Evaluating Transferable Recommendation, IEEE TPAMI",
    "https://github.com/westlake-repl/NineRec",
)
MICROLENS = Terms(
    "Westlake University, MicroLens: research; no changed copies may be passed on; cite",
    "Ni et al. 2023, A Content-Driven Micro-Video Recommendation Dataset at Scale, arXiv:2309.15379",
    "https://github.com/westlake-repl/MicroLens",
)
MIND = Terms(
    "Microsoft, MIND: non-commercial research; its page has the licence",
    "Wu et al. 2020, MIND: A Large-scale Dataset for News Recommendation, ACL",
    "https://msnews.github.io/",
)
