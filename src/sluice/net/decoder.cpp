#include "sluice/net/decoder.hpp"

#include <string>

#include <zlib.h>

#include "sluice/base/error.hpp"

namespace sluice::net {
namespace {

constexpr std::size_t piece = std::size_t{16} << 10;
constexpr int gzip_header = 16;  // added to the number of window bits: the data has a header of gzip
constexpr int no_header = -1;    // their negative: it has none

/// A header of zlib names the method 8 in its low bits. What begins so without a header would be a stored
/// block with a nonzero padding bit, which no compressor writes.
bool has_zlib_header(char first) { return (static_cast<unsigned char>(first) & 0x0fU) == Z_DEFLATED; }

}  // namespace

struct Decoder::Impl {
  ContentCoding coding;
  z_stream stream{};
  bool begun = false;
  bool complete = false;  ///< the end of the compressed data was found
  std::string out = std::string(piece, '\0');

  [[nodiscard]] Fail fail(std::string_view why) const {
    return Fail(user_error(Code::invalid_argument,
                           std::string("cannot decompress the request body (Content-Encoding: ") +
                               (coding == ContentCoding::gzip ? "gzip" : "deflate") +
                               "): " + std::string(why)));
  }

  Result<void> begin(char first) {
    const bool bare = coding == ContentCoding::deflate && !has_zlib_header(first);
    const int bits = coding == ContentCoding::gzip ? MAX_WBITS + gzip_header
                     : bare                        ? no_header * MAX_WBITS
                                                   : MAX_WBITS;
    if (::inflateInit2(&stream, bits) != Z_OK)
      return Fail(environment_error(Code::exhausted, "not enough memory to decompress the request body"));
    begun = true;
    return {};
  }

  /// After the end of the data: gzip may have another member.
  Result<void> begin_another() {
    if (coding != ContentCoding::gzip) return fail("there are more bytes after its end");
    complete = false;
    ::inflateReset(&stream);
    return {};
  }
};

Decoder::Decoder(ContentCoding coding) : impl_(std::make_unique<Impl>(coding)) {}

Decoder::~Decoder() {
  if (impl_->begun) ::inflateEnd(&impl_->stream);
}

Result<void> Decoder::add(std::string_view bytes, const Sink& sink) {
  if (bytes.empty()) return {};
  auto& [coding, stream, begun, complete, out] = *impl_;
  if (!begun) SLUICE_DO(impl_->begin(bytes.front()));
  // zlib does not write to its input, but its interface predates const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  bool full = false;
  while (stream.avail_in > 0 || full) {
    if (complete) SLUICE_DO(impl_->begin_another());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int status = ::inflate(&stream, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
      return impl_->fail(stream.msg != nullptr ? stream.msg : "it needs a dictionary");
    complete = status == Z_STREAM_END;
    full = stream.avail_out == 0 && !complete;
    SLUICE_DO(sink(std::string_view(out.data(), out.size() - stream.avail_out)));
  }
  return {};
}

Result<void> Decoder::finish() const {
  if (impl_->begun && !impl_->complete) return impl_->fail("it ends too early");
  return {};
}

}  // namespace sluice::net
