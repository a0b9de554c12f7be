"""The names of a package and their signatures, found by following its imports without running it.

``syntax`` parses files, ``world`` imports modules as Python would, statement by statement
(``statements``, ``expressions``), with ``values`` for what names are bound to, and ``public``
walks the result from the root.
"""
