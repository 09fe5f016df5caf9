"""The library that the stages share, in parts that could each live by themselves."""
