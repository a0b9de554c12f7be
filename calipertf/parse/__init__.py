"""Stage 3: records and similarities as tables, figures and a page."""
