#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/base/digest.hpp"
#include "sluice/stores/git/objects.hpp"

namespace sluice::stores::git {

// A table from what identifies versions (their effect keys, or their contents) to their numbers, kept as a
// tree of git: 16 folders of 16 files, by the first two digits of the key's digest, each file with one line
// "DIGEST NUMBER" for each key. So a look-up and a change cost the same however many versions there are. It
// only says where to look: what it names is compared before it is believed.

/// The number under that key. `table` is the name of the tree; "" : an empty table.
Result<std::optional<std::int64_t>> find_in_index(const Objects& objects, const Oid& table,
                                                  const Digest& key);

/// The table with these entries added; of equal keys, the last one stays.
Result<Oid> add_to_index(Objects& objects, const Oid& table, const std::map<Digest, std::int64_t>& entries);

}  // namespace sluice::stores::git
