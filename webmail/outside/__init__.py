"""Asks web servers whose addresses stand in foreign mail. Nobody else does; each is looked up and checked first."""
