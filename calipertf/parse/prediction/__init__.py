"""How well similarities and usage predict failures."""
