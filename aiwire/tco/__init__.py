"""What running models costs: bought, rented or by the token. Pure: numbers in, numbers out.

inputs.py      names, units and limits of all inputs        results.py      what a comparison finds
formulas.py    each formula, with its source                options.py      the options, and when each is paid
model.py       options side by side over the months         scenario.py     scenario files (TOML)
sensitivity.py what a quarter more or less does             uncertainty.py  low, mid and high inputs together
bands.py       ranges month by month, for charts            memory.py       does a model fit
shapes.py      what a model's cache follows from            parameters.py   counting its parameters
"""
