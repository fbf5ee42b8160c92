#include <cstddef>
#include <cstdint>

#include "sluice/base/result.hpp"
#include "sluice/stores/git/object_text.hpp"
#include "sluice/stores/git/record.hpp"

// Tags and their records come from pushes too. A record that was read is read again from what we would write.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace git = sluice::stores::git;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(git::parse_commit(bytes));
  static_cast<void>(git::parse_tree(bytes));
  const auto tag = git::parse_tag(bytes);
  const auto record = git::read_record(tag ? std::string_view(tag->message) : bytes);
  if (!record) return 0;
  const auto again = git::read_record(git::tag_message("model", 1, *record));
  SLUICE_CHECK(again && again->created == record->created && again->user == record->user &&
               again->key == record->key && again->source == record->source &&
               again->run_id == record->run_id && again->description == record->description);
  return 0;
}
