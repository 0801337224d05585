"""Amazon's reviews of 2014 as Mamba4Rec without RecBole prepares and reads them."""
