"""Amazon reviews 2014, 2018 and 2023: a data set a category, `amazon-YEAR-CATEGORY[-5core]`.

Neither the checksums nor the sizes of these files are published; the checksum of the first download is noted.
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


AMAZON = (
    *(_amazon(2014, one, False, f"{SNAP}/ratings_{one}.csv", "ratings", AMAZON_2014) for one in CATEGORIES_2014),
    *(_amazon(2014, one, True, f"{SNAP}/reviews_{one}_5.json.gz", "jsonl", AMAZON_2014) for one in CATEGORIES_2014),
    *(_amazon(2018, one, False, f"{UCSD_2018}/{one}.csv", "item-ratings", AMAZON_2018) for one in CATEGORIES_2018),
    *(_amazon(2018, one, True, f"{UCSD_2018}/{one}_5.json.gz", "jsonl", AMAZON_2018) for one in CATEGORIES_2018),
    *(
        _amazon(2023, one, core == "5core", f"{UCSD_2023}/{core}/rating_only/{one}.csv.gz", "table", AMAZON_2023)
        for core, without in (("0core", set()), ("5core", NO_CORE_2023))
        for one in CATEGORIES_2023
        if one not in without
    ),
)
