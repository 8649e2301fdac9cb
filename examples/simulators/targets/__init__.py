"""Simulated publish targets: a WordPress-like and a LinkedIn-like endpoint.

A post's key, by which the drill counts it, is what the client calls the post: in
WordPress the slug that was asked for; in LinkedIn the last part of the link that
the post carries (`content.article.source`, else the last link in the commentary).

LinkedIn takes as many posts as `/var/lib/target/rate` says: `POSTS SECONDS`.
"""
