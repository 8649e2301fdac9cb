DROP TABLE publish_intents;
