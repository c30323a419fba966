"""The commands about what runs once: commands of people, and cron jobs.

Starting, listing and ending runs live here, and the schedule of cron jobs. It imports the room
`runs`, late, and no other command.
"""
