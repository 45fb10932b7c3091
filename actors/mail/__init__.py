"""Letters to people: written from templates, sent by SMTP, kept until they have gone."""
