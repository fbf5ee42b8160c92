#include "sluice/syntax/tree.hpp"

#include "sluice/base/words.hpp"

namespace sluice::syntax {

std::optional<std::string> encoding_problem(std::string_view text) {
  // Two bytes are enough: a document begins with a byte order mark or with an ASCII character.
  const auto head = text.substr(0, 2);
  const bool is_utf16 = head == "\xff\xfe" || head == "\xfe\xff" ||
                        (head.size() == 2 && (head[0] == '\0') != (head[1] == '\0'));
  if (is_utf16) return "the text is UTF-16; save it as UTF-8";
  if (!is_utf8(text)) return "the text is not valid UTF-8; save it as UTF-8";
  return std::nullopt;
}

const Node* Node::find(std::string_view key) const {
  for (const auto& field : fields)
    if (field.key == key) return field.value.get();
  return nullptr;
}

Value Node::to_value() const {
  switch (kind) {
    case Kind::scalar: return scalar;
    case Kind::list: {
      List list;
      list.reserve(items.size());
      for (const auto& item : items) list.push_back(item.to_value());
      return list;
    }
    case Kind::map: {
      Struct map;
      for (const auto& field : fields) map.append(field.key, field.value->to_value());
      return map;
    }
  }
  return {};
}

}  // namespace sluice::syntax
