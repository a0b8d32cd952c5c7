"""The real program against whatever can come: manifests, answers, webhooks, damage to its file, any course of events.

What is looked for is found anew each time in `make proof`; in the suite the same few examples are drawn every time.
"""
