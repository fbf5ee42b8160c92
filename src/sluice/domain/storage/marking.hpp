#pragma once
// Which objects something reaches, and what. Private to this module.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/digest.hpp"
#include "sluice/ports/storage.hpp"

namespace sluice::storage {

/// Calls `take` with everything in the text that looks like a digest: 64 hexadecimal digits. A sweep keeps
/// what a text names, whatever the text is: it need not understand each kind of event or file.
void each_digest(std::string_view text, const std::function<void(const Digest&)>& take);

/// The objects of a store, and for each the first thing that was found to reach it. 48 bytes for each object.
/// One thread.
class Marking {
 public:
  explicit Marking(const ports::ObjectStorage& objects) : objects_(objects) {}

  /// Lists the objects. Those that were renewed after `limit` are kept, with all that they consist of.
  Result<void> list(Time limit);

  /// Something that keeps objects, for people. The number is for `mark`.
  using Reason = std::uint32_t;
  enum class Kind : std::uint8_t { recent, run, plan, schedule, dataset, model, artifact, cache };
  Reason add_reason(Kind kind, std::string name);

  /// Marks the object and all that it consists of.
  void mark(const Digest& digest, Reason reason);
  /// The same for what a text names. Returns the bytes of the objects that were not marked before.
  std::int64_t mark_text(std::string_view text, Reason reason);
  /// The same, unless these are more than `bytes_max`: then nothing is marked, and they are let go.
  std::optional<std::int64_t> mark_if_small(std::string_view text, Reason reason, std::int64_t bytes_max);
  /// An earlier sweep let this object go.
  void let_go(const Digest& digest);
  /// The objects that were let go since the last call, each once.
  [[nodiscard]] std::vector<Digest> take_let_go() { return std::exchange(let_go_, {}); }

  struct Object {
    Digest digest;
    std::int64_t size = 0;
    Reason reason = 0;     ///< 0: nothing reaches it
    bool entered = false;  ///< its parts are marked, if it has any
    bool let_go = false;   ///< by the cache; something else may reach it nevertheless
  };
  /// Sorted by digest.
  [[nodiscard]] const std::vector<Object>& objects() const { return all_; }
  [[nodiscard]] std::optional<std::size_t> find(const Digest& digest) const;
  struct Named {
    Kind kind = Kind::recent;
    std::string name;
  };
  [[nodiscard]] const Named& reason(Reason reason) const { return reasons_[reason]; }
  [[nodiscard]] const ports::ObjectStorage& store() const { return objects_; }

 private:
  void mark_one(const Digest& digest, bool may_be_folder, Reason reason);
  void drain(Reason reason);

  const ports::ObjectStorage& objects_;
  std::vector<Object> all_;
  std::vector<Named> reasons_{{}};
  std::vector<Digest> folders_;       ///< to be entered
  std::vector<std::size_t> marked_;   ///< since `mark_text` began
  std::vector<std::size_t> entered_;  ///< likewise
  std::int64_t bytes_ = 0;            ///< of `marked_`
  std::vector<Digest> let_go_;        ///< and not taken yet
};

}  // namespace sluice::storage
