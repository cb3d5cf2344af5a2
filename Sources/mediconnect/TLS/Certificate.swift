import Foundation
import NIOSSL
import Notation

/// A chain of certificates and the key of its first, as they were read together.
struct Certificate: Sendable {
    let chain: [NIOSSLCertificate]
    let key: NIOSSLPrivateKey

    /// When the first of the chain begins and ends to hold.
    var holds: Range<Instant> {
        let (begin, end) = (Int64(chain[0].notValidBefore), Int64(chain[0].notValidAfter))
        return Instant(secondsSince1970: begin)..<Instant(secondsSince1970: max(begin, end))
    }

    /// Reads both files. Throws a `CertificateFlaw` that says what is wrong with them: only a key that belongs to the certificate can answer
    /// with it.
    init(_ files: CertificateFiles) throws {
        do { chain = try NIOSSLCertificate.fromPEMFile(files.certificate) } catch {
            throw CertificateFlaw("\(files.certificate) holds no certificates as PEM")
        }
        guard !chain.isEmpty else { throw CertificateFlaw("\(files.certificate) holds no certificates as PEM") }
        do { key = try NIOSSLPrivateKey(file: files.key, format: .pem) } catch {
            throw CertificateFlaw("\(files.key) holds no private key as PEM")
        }
        do { _ = try NIOSSLContext(configuration: .answering(with: self, minimum: .tlsv12)) } catch {
            throw CertificateFlaw("the key in \(files.key) is not that of the certificate in \(files.certificate)")
        }
    }
}

/// Where they are.
struct CertificateFiles: Sendable, Equatable {
    var certificate: String
    var key: String
}

/// Why a certificate cannot be used, in a sentence.
struct CertificateFlaw: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension TLSConfiguration {
    /// What this server speaks: nothing older than `minimum`, and before TLS 1.3 only what keeps earlier talk secret when the key gets out,
    /// and seals what it encrypts (RFC 9325 §4.2).
    static func answering(with certificate: Certificate, minimum: TLSVersion) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificate.chain.map { .certificate($0) }, privateKey: .privateKey(certificate.key))
        configuration.minimumTLSVersion = minimum
        configuration.cipherSuites = "ECDHE+AESGCM:ECDHE+CHACHA20"
        return configuration
    }
}
