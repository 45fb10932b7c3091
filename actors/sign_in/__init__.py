"""How somebody who may sign in stays signed in: sessions, keys, and who fails too often."""
