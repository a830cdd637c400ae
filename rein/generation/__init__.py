"""Images that do not exist yet: prompts, a generator made to know one place, images of it.

Works offline and by itself; training reads what it leaves through ``GeneratedDataset``. The extra
``generate`` has the packages that it needs.
"""
