#pragma once
#include <string>
#include <string_view>

#include <zlib.h>

namespace sluice::net {

// Window bits of zlib for each form of compressed data.
inline constexpr int gzip_form = MAX_WBITS + 16;
inline constexpr int zlib_form = MAX_WBITS;
inline constexpr int raw_form = -MAX_WBITS;

inline std::string compressed(std::string_view data, int form, int level = Z_DEFAULT_COMPRESSION,
                              std::string_view dictionary = {}) {
  z_stream stream{};
  ::deflateInit2(&stream, level, Z_DEFLATED, form, 8, Z_DEFAULT_STRATEGY);
  if (!dictionary.empty())
    ::deflateSetDictionary(&stream, reinterpret_cast<const Bytef*>(dictionary.data()),
                           static_cast<uInt>(dictionary.size()));
  std::string out(::deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  ::deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

}  // namespace sluice::net
