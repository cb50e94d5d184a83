"""Dialogs, and the steps that several of them share."""
