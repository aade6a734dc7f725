"""Rewards for matching demonstrations; optimal transport is the paper's."""
