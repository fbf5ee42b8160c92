#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "sluice/base/result.hpp"

namespace sluice::stores::git {

/// A git object's name: 40 lower-case hexadecimal digits.
using Oid = std::string;
bool is_oid(std::string_view text);

struct Ref {
  Oid target;
  Oid peeled;  ///< the object that an annotated tag finally names; "" if the target is not a tag
  bool operator==(const Ref&) const = default;
};
/// By full name, "refs/heads/main".
using Refs = std::map<std::string, Ref, std::less<>>;

/// Encode and decode the text of git's file `packed-refs`.
std::string format_refs(const Refs& refs);
Result<Refs> parse_refs(std::string_view text);

/// Reads the refs of one of our repositories; all of them are packed.
Result<Refs> read_refs(const std::filesystem::path& repository);
/// Replaces all refs with one rename; synced. The caller holds the repository's lock.
Result<void> write_refs(const std::filesystem::path& repository, const Refs& refs);
/// Code::failed_precondition where another program wrote a loose ref, which would shadow a packed one.
Result<void> refuse_loose_refs(const std::filesystem::path& repository);

}  // namespace sluice::stores::git
