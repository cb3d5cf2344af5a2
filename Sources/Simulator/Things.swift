import Foundation

struct SentText: Codable, Sendable {
    var sid: String
    var key: String?
    var from: String
    var to: String
    var body: String
    var status: String
    var callback: String?
    var createdAt: Int64
    var isReply = false
}

struct SentMail: Codable, Sendable {
    var id: String
    var from: String
    var to: String
    var subject: String
    var text: String
    var hasHTML: Bool
    var createdAt: Int64
    /// Of one that came by SMTP.
    var messageID: String?
}

/// A message on the bus.
struct PublishedMessage: Codable, Sendable {
    var id: String
    var exchange: String
    var routingKey: String
    var messageID: String?
    var contentType: String?
    var isPersistent: Bool
    /// Bytes.
    var size: Int
    /// How its body begins.
    var text: String
    var createdAt: Int64
}

struct DeclaredExchange: Codable, Sendable {
    var type: String
}

/// An appointment in a hospital's records.
struct HeldRecord: Codable, Sendable {
    var id: String
    /// `system|value`
    var identifier: String
    var version: Int
    /// The resource as it is shown.
    var body: String
    /// RFC 3339 with microseconds; nil of what was written by an earlier version.
    var updatedAt: String?
}

struct PaymentIntent: Codable, Sendable {
    var id: String
    var amount: Int
    var currency: String
    var received = 0
    var status = "requires_payment_method"
    var metadata: [String: String] = [:]
    var createdAt: Int64
    var charge: String?
    var refunded = 0
}

struct GivenBack: Codable, Sendable {
    var id: String
    var intent: String
    var amount: Int
    var currency: String
    var metadata: [String: String] = [:]
    var status = "succeeded"
    var createdAt: Int64
    /// What it was asked for with.
    var key: String?
}

struct Scheduled: Codable, Sendable {
    var id: String
    var requestID: String
    var provider: String
    var time: String
    var patientName: String
    var state: String
    var reason: String?
    /// RFC 3339 with microseconds.
    var updatedAt: String
    /// Counts changes, so that lists can be gone through.
    var change: Int
}

/// An appointment in the system that is being replaced.
struct FormerAppointment: Codable, Sendable {
    var id: String
    var requestID: String
    var practitioner: String
    var visitType: String
    var patient: String
    /// Microseconds since 1970.
    var start: Int64
    var end: Int64
    var state: String
    var reason: String?
    /// RFC 3339 with microseconds.
    var createdAt: String
    var updatedAt: String
    /// Counts changes, so that lists can be gone through.
    var change: Int
}

/// The answer that was given to a key, for who asks again.
struct KeptAnswer: Codable, Sendable {
    var request: String
    var status: Int
    var body: String
    var id: String
}
