"""Talking to a language model: requests, replies, and the endpoint that serves it."""
