"""Agents: what an expert is, how it acts, and how one update changes it."""
