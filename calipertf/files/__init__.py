"""Files written whole or not at all, files of others, and folders of this user's own."""
