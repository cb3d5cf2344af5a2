extension Simulator {
    /// What it takes for proof from whoever calls it, and signs with when it calls. Known to everybody: nothing behind it is real.
    public enum Credentials {
        public static let texts = TextPart.token
        public static let payments = PaymentPart.secret
        public static let paymentSigning = PaymentPart.signing
        public static let scheduling = SchedulingPart.token
        public static let legacy = LegacyPart.token
        public static let mail = MailPart.key
        public static let records = RecordsPart.secret
        /// What `clinic` signs in with at the mail server.
        public static let letters = LetterPart.password
        /// What `clinic` signs in with at the broker.
        public static let broker = BrokerPart.password
    }

    /// Tells the clinic at this address what becomes of payments and text messages: `http://127.0.0.1:8080/v1/incoming`.
    public func report(to address: String) {
        world.change { state in
            state.callbacks[.payments] = "\(address)/payments"
            state.callbacks[.sms] = "\(address)/texts"
        }
    }
}
