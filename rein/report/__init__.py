"""Several configs trained side by side, and what came of them: tables, pictures, a page."""
