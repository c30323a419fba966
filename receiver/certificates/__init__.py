"""Certificates: order them, check those that somebody brings, have nginx serve them.

What is known of a name's certificate is a record of `state`; which certificate an app's file names
is the business of `nginx`. The authority, certbot and the look at where a name leads live here. It
imports `changes` and what is below it.
"""
