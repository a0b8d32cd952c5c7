"""The five calls of Agora Cloud Recording: exact bodies, any answer, one paced HTTP client."""
