"""What every part of tahr stands on; imports nothing of ours."""
