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
