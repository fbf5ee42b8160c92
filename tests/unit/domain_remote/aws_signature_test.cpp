#include "sluice/domain/remote/aws_signature.hpp"

#include <gtest/gtest.h>

#include "sluice/base/digest.hpp"
#include "sluice/base/hmac.hpp"

namespace sluice::remote {
namespace {

constexpr Time at_2015{std::chrono::sys_days(std::chrono::year(2015) / 8 / 30) + std::chrono::hours(12) +
                       std::chrono::minutes(36)};
constexpr Time at_2013{std::chrono::sys_days(std::chrono::year(2013) / 5 / 24)};

TEST(Hmac, GivesTheValuesOfRfc4231) {
  EXPECT_EQ(hmac(std::string(20, '\x0b'), "Hi There").hex(),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hmac("Jefe", "what do ya want for nothing?").hex(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First").hex(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(AwsSignature, WritesTimes) { EXPECT_EQ(aws_date(at_2015), "20150830T123600Z"); }

// "get-vanilla" of the test suite of Signature Version 4 (aws-sig-v4-test-suite).
TEST(AwsSignature, SignsAsTheTestSuiteDoes) {
  const AwsKeys keys{.id = "AKIDEXAMPLE", .secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};
  const auto empty = Digest::of("").hex();
  EXPECT_EQ(
      aws_authorization({.path = "/",
                         .headers = {{"host", "example.amazonaws.com"}, {"x-amz-date", "20150830T123600Z"}},
                         .body_sha256 = empty},
                        keys, "us-east-1", "service", at_2015),
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
      "SignedHeaders=host;x-amz-date, "
      "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  // "get-vanilla-query-order-key-case": the query is sorted.
  EXPECT_EQ(
      aws_authorization({.path = "/",
                         .query = "Param1=value1&Param2=value2",
                         .headers = {{"host", "example.amazonaws.com"}, {"x-amz-date", "20150830T123600Z"}},
                         .body_sha256 = empty},
                        keys, "us-east-1", "service", at_2015)
          .substr(0),
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
      "SignedHeaders=host;x-amz-date, "
      "Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
}

// "Example: GET Object" of "Authenticating Requests: Using the Authorization Header" (Amazon S3 API
// Reference).
TEST(AwsSignature, SignsAsTheDocumentsOfS3Do) {
  const AwsKeys keys{.id = "AKIAIOSFODNN7EXAMPLE", .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
  const auto empty = Digest::of("").hex();
  EXPECT_EQ(aws_authorization({.path = "/test.txt",
                               .headers = {{"host", "examplebucket.s3.amazonaws.com"},
                                           {"range", "bytes=0-9"},
                                           {"x-amz-content-sha256", empty},
                                           {"x-amz-date", "20130524T000000Z"}},
                               .body_sha256 = empty},
                              keys, "us-east-1", "s3", at_2013),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

}  // namespace
}  // namespace sluice::remote
