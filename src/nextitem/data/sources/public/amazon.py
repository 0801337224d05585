"""Amazon reviews 2014, 2018 and 2023: a data set a category, `amazon-YEAR-CATEGORY[-5core]`, and 2023's own cuts.

These are `amazon-2023-CATEGORY[-5core]-last-out`, each user's last but one and last review held out, and `-timestamp`,
cut at two moments for all: three files of the columns of the uncut ones
(https://github.com/hyp1231/AmazonReviews2023, benchmark_scripts). Neither the checksums nor the sizes of files are
published; the checksum of the first download is noted.
"""

from __future__ import annotations

from nextitem.data.sources.public.kinds import FIVE_CORE, LEAVE_ONE_OUT, PublicData
from nextitem.data.sources.public.sources import File, Web
from nextitem.data.sources.public.terms import AMAZON_2014, AMAZON_2018, AMAZON_2023, Terms

CATEGORIES_2014 = (
    "Amazon_Instant_Video", "Apps_for_Android", "Automotive", "Baby", "Beauty", "Books", "CDs_and_Vinyl",
    "Cell_Phones_and_Accessories", "Clothing_Shoes_and_Jewelry", "Digital_Music", "Electronics",
    "Grocery_and_Gourmet_Food", "Health_and_Personal_Care", "Home_and_Kitchen", "Kindle_Store", "Movies_and_TV",
    "Musical_Instruments", "Office_Products", "Patio_Lawn_and_Garden", "Pet_Supplies", "Sports_and_Outdoors",
    "Tools_and_Home_Improvement", "Toys_and_Games", "Video_Games",
)  # fmt: skip
CATEGORIES_2018 = (
    "AMAZON_FASHION", "All_Beauty", "Appliances", "Arts_Crafts_and_Sewing", "Automotive", "Books", "CDs_and_Vinyl",
    "Cell_Phones_and_Accessories", "Clothing_Shoes_and_Jewelry", "Digital_Music", "Electronics", "Gift_Cards",
    "Grocery_and_Gourmet_Food", "Home_and_Kitchen", "Industrial_and_Scientific", "Kindle_Store", "Luxury_Beauty",
    "Magazine_Subscriptions", "Movies_and_TV", "Musical_Instruments", "Office_Products", "Patio_Lawn_and_Garden",
    "Pet_Supplies", "Prime_Pantry", "Software", "Sports_and_Outdoors", "Tools_and_Home_Improvement",
    "Toys_and_Games", "Video_Games",
)  # fmt: skip
CATEGORIES_2023 = (
    "All_Beauty", "Amazon_Fashion", "Appliances", "Arts_Crafts_and_Sewing", "Automotive", "Baby_Products",
    "Beauty_and_Personal_Care", "Books", "CDs_and_Vinyl", "Cell_Phones_and_Accessories",
    "Clothing_Shoes_and_Jewelry", "Digital_Music", "Electronics", "Gift_Cards", "Grocery_and_Gourmet_Food",
    "Handmade_Products", "Health_and_Household", "Health_and_Personal_Care", "Home_and_Kitchen",
    "Industrial_and_Scientific", "Kindle_Store", "Magazine_Subscriptions", "Movies_and_TV", "Musical_Instruments",
    "Office_Products", "Patio_Lawn_and_Garden", "Pet_Supplies", "Software", "Sports_and_Outdoors",
    "Subscription_Boxes", "Tools_and_Home_Improvement", "Toys_and_Games", "Video_Games",
)  # fmt: skip

# Of these no user and item with five reviews is left (amazon-reviews-2023.github.io/data_processing/5core.html).
NO_CORE_2023 = {
    "Amazon_Fashion", "Appliances", "Digital_Music", "Handmade_Products", "Health_and_Personal_Care",
    "Subscription_Boxes",
}  # fmt: skip
CORES_2023: tuple[tuple[str, set[str]], ...] = (("0core", set()), ("5core", NO_CORE_2023))

SNAP = "https://snap.stanford.edu/data/sources/amazon/productGraph/categoryFiles"
UCSD_2018 = "https://datarepo.eng.ucsd.edu/mcauley_group/data/amazon_v2/categoryFilesSmall"
UCSD_2023 = "https://mcauleylab.ucsd.edu/public_datasets/data/amazon_2023/benchmark"


def _amazon(year: int, category: str, is_core: bool, url: str, format: str, terms: Terms) -> PublicData:
    name = f"amazon-{year}-{category.lower().replace('_', '-')}{'-5core' if is_core else ''}"
    what = "users and items with 5 reviews or more" if is_core else "ratings"
    file = File(f"{name}/{url.rsplit('/', 1)[-1]}", None, format)
    return PublicData(
        name,
        f"Amazon {year}, {category.replace('_', ' ')}: {what}",
        terms.text,
        (file,),
        (Web(url, file),),
        terms.citation,
        terms.page,
        recipe=dict(LEAVE_ONE_OUT if is_core else FIVE_CORE),
    )


def _cut(category: str, core: str, cut: str) -> PublicData:
    name = (
        f"amazon-2023-{category.lower().replace('_', '-')}{'' if core == '0core' else '-5core'}-{cut.replace('_', '-')}"
    )
    parts = {part: File(f"{name}/{category}.{part}.csv.gz", None, "table") for part in ("train", "valid", "test")}
    sources = {part: Web(f"{UCSD_2023}/{core}/{cut}/{category}.{part}.csv.gz", file) for part, file in parts.items()}
    what = "the last two of each user" if cut == "last_out" else "what comes after a moment"
    cores = "" if core == "0core" else " with 5 reviews or more"
    return PublicData(
        name,
        f"Amazon 2023, {category.replace('_', ' ')}: users and items{cores}, {what} held out by its publishers",
        AMAZON_2023.text,
        (parts.pop("train"),),
        (sources.pop("train"),),
        AMAZON_2023.citation,
        AMAZON_2023.page,
        recipe={"split.kind": "given"},
        held_out=parts,
        held_out_downloads=dict(sources),
    )


AMAZON = (
    *(_amazon(2014, one, False, f"{SNAP}/ratings_{one}.csv", "ratings", AMAZON_2014) for one in CATEGORIES_2014),
    *(_amazon(2014, one, True, f"{SNAP}/reviews_{one}_5.json.gz", "jsonl", AMAZON_2014) for one in CATEGORIES_2014),
    *(_amazon(2018, one, False, f"{UCSD_2018}/{one}.csv", "item-ratings", AMAZON_2018) for one in CATEGORIES_2018),
    *(_amazon(2018, one, True, f"{UCSD_2018}/{one}_5.json.gz", "jsonl", AMAZON_2018) for one in CATEGORIES_2018),
    *(
        _amazon(2023, one, core == "5core", f"{UCSD_2023}/{core}/rating_only/{one}.csv.gz", "table", AMAZON_2023)
        for core, without in CORES_2023
        for one in CATEGORIES_2023
        if one not in without
    ),
    *(
        _cut(one, core, cut)
        for cut in ("last_out", "timestamp")
        for core, without in CORES_2023
        for one in CATEGORIES_2023
        if one not in without
    ),
)
