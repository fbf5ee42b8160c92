#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "sluice/base/clock.hpp"
#include "sluice/base/value.hpp"
#include "sluice/stores/git/model_meta.hpp"

namespace sluice::stores::git {

/// Facts about the creation of a version; the last line of its tag's message.
struct Record {
  Time created{};
  std::string user;
  std::string source;
  std::string run_id;
  std::string description;
  std::string key;           ///< of the effect that made it
  std::string storage = {};  ///< where clients fetch the content; "": from the repository
  std::string run_link = {};
  std::string model_id = {};  ///< of the logged model that it was
  Tags tags = {};
};

/// `NAME vN`, the description, and the last line `Sluice-Record: {…}`.
std::string tag_message(std::string_view name, std::int64_t number, const Record& record);
/// The record in the last line of a message; nullopt if there is none (a tag that was pushed by hand).
std::optional<Record> read_record(std::string_view message);

/// JSON as one line of ASCII, which every tool that displays a message preserves.
std::string ascii_json(const Value& value);

/// Text for a message: no NUL, which git refuses, no carriage return, no empty lines at its ends.
std::string message_text(std::string_view text);

}  // namespace sluice::stores::git
