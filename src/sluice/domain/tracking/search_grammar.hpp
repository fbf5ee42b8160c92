#pragma once
// What the searches of MLflow know: the fields of what is searched, and which conditions and orders each may
// have.
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"
#include "sluice/ports/search.hpp"

namespace sluice::tracking {

/// A set of comparators. Its text lists them as MLflow's messages do: "{'!=', '='}".
class Comparators {
 public:
  using Comparator = ports::SearchCondition::Comparator;
  constexpr Comparators() = default;
  constexpr Comparators(std::initializer_list<Comparator> comparators) {
    for (const auto comparator : comparators) bits_ |= bit(comparator);
  }
  [[nodiscard]] constexpr bool contains(Comparator comparator) const {
    return (bits_ & bit(comparator)) != 0;
  }
  [[nodiscard]] constexpr Comparators operator|(Comparators other) const {
    other.bits_ |= bits_;
    return other;
  }
  [[nodiscard]] std::string text() const;

 private:
  static constexpr std::uint32_t bit(Comparator comparator) {
    return std::uint32_t{1} << static_cast<unsigned>(comparator);
  }
  std::uint32_t bits_ = 0;
};

/// Of "NOT IN", and so on; nullopt: there is none of this name.
std::optional<ports::SearchCondition::Comparator> comparator_named(std::string_view text);

/// What the texts of one kind of search may say. All of it refers to constants.
struct SearchGrammar {
  enum class Values {
    text,
    id,        ///< a text that is an integer
    number,    ///< an integer or a double
    whole,     ///< an integer
    judgment,  ///< a number for `<` and its kin, a text for all others
  };
  enum class Use { both, filter, order };

  /// A key that a field has: "start_time" of attributes.
  struct Key {
    std::string_view name;
    Values values = Values::text;
    Comparators comparators;
    Use use = Use::both;
    /// What it is in conditions and orders, if that is something else: "created" means "start_time".
    std::string_view key = {};
    ports::SearchField field = ports::SearchField::attribute;
  };
  /// A field with the names that may stand before a key's dot: "tags" and "tag".
  struct Field {
    ports::SearchField field;
    std::string_view name;  ///< in messages
    std::vector<std::string_view> prefixes;
    std::vector<Key> keys;  ///< none: any key, with these values and comparators
    Values values = Values::text;
    Comparators comparators;
    std::string_view any_key_after = {};  ///< any key that begins so is one, too
    bool is_ordered = false;
  };

  std::vector<Field> fields;         ///< the first one is the attributes, whose keys may stand alone
  std::string_view prefixes_shown;   ///< how a message about an unknown prefix goes on
  std::string_view null_shown = {};  ///< what `IS NULL` is for, in the message that refuses it elsewhere
  bool has_quoted_numbers = false;   ///< `version_number = '3'`
  bool has_bare_texts = false;       ///< `params.lr = 0.1`
  bool has_bare_order_keys = false;  ///< none with a prefix
  std::vector<ports::SearchOrder> default_order;  ///< if no other was asked for
  std::vector<ports::SearchOrder> tie_breakers;   ///< added to every order that has not got them

  /// What a key in a text means.
  struct Target {
    const Field* field = nullptr;  ///< in the text
    std::string written;           ///< the key in the text, without quotes
    ports::SearchField meant = ports::SearchField::attribute;
    std::string key;
    Values values = Values::text;
    Comparators comparators;
  };
  /// Finds what "metrics.`a b`" means. `use`: filter or order. The error is for whoever wrote it.
  [[nodiscard]] Result<Target> target_of(std::string_view identifier, Use use) const;
};

/// The keys in conditions and orders are those of these searches, except that `start_time` also stands for
/// "created", `run_name` for "run name", `last_updated_timestamp` of registered models for "timestamp", and
/// others are named below.
const SearchGrammar& run_search();
const SearchGrammar& experiment_search();
const SearchGrammar& registered_model_search();
const SearchGrammar& model_version_search();
/// `creation_timestamp` and `last_updated_timestamp`, whichever of their names was written.
const SearchGrammar& logged_model_search();
/// `timestamp_ms`, `execution_time_ms`, `end_time_ms`; "name" and "prompt" are the tags `mlflow.traceName`
/// and `mlflow.linkedPrompts`, "run_id" is the metadata `mlflow.sourceRun`, "text" is the span's `content`.
/// A condition on `mlflow.linkedPrompts` is always `equal`, and its operand is "NAME/VERSION".
const SearchGrammar& trace_search();

/// The part of a text that a message shows: long ones are cut.
std::string shown(std::string_view text);

}  // namespace sluice::tracking
