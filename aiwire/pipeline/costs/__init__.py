"""A cost comparison from a scenario and the database.

costing.py   the whole comparison        inputs.py    where each input comes from
rates.py     offers to rent              defaults.py  what is assumed, and how wide
evidence.py  articles for and against    words.py     who and where a sentence speaks of
asking.py    what people type            report.py    what it all says, in sentences
"""
