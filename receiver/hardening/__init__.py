"""What makes a VPS harder to break into, beside Ship itself: firewall, logins over ssh, updates,
the kernel's settings, the journal's size, guessed passwords.

Each point looks whether it is done, does it, and undoes what it did itself; nothing is done twice,
and what an administrator has set otherwise counts. What could lock people out goes back by itself
unless somebody confirms from another login. It needs systemd and apt, and imports nothing of apps.
"""
