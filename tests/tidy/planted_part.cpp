// Included by planted.cpp: bugprone-suspicious-include.
