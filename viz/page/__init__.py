"""What every page is made of: its state in the URL, progress, words, tables, the save menu."""
