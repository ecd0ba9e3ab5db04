"""Pruning by rate: an fv-SRN started analytically, whose every coefficient must be worth its bits."""
