"""Many machines: building, and searching, on a Ray cluster what one machine cannot do or hold.

Ray itself is imported when a cluster is used, and not before.
"""
