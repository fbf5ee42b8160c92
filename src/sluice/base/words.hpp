#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// The candidate nearest to `word` by edit distance, if it is near enough to be a typing mistake.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

/// "; did you mean `X`?" or "" — to end a message about an unknown name.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

/// Percent-encodes every byte outside [A-Za-z0-9._-] except those in `keep`.
std::string percent_encode(std::string_view text, std::string_view keep = {});
std::optional<std::string> percent_decode(std::string_view text);

/// The text as one word of a POSIX shell command: unchanged if no character of it is special to the shell,
/// else in single quotes.
std::string shell_word(std::string_view text);

/// Converts A-Z to a-z; everything else is unchanged.
std::string lower_ascii(std::string_view text);

bool is_utf8(std::string_view text);
/// The text with U+FFFD in place of every byte that belongs to no UTF-8 sequence.
std::string as_utf8(std::string_view text);

/// Standard base64 with padding. Decoding refuses other characters, white space included.
std::string base64_encode(std::string_view data);
std::optional<std::string> base64_decode(std::string_view text);

/// A size for people, in powers of 1,000: "12.3 kB", "123 MB".
std::string human_bytes(std::uint64_t bytes);
/// The number of bytes in "512", "1.5GB", "500 MB", "4GiB" or, as Kubernetes writes it, "4Gi" or "500M";
/// nullopt if the text is not a size, or not below 2^63.
std::optional<std::uint64_t> bytes_of(std::string_view text);

}  // namespace sluice
