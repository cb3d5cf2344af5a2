import Notation
import Workflows

/// Everything the server answers, as a table of contents.
public struct API: Sendable {
    public let routes: [Route]

    /// - Parameter isAnswering: false for a node that only works in the background: it says how it is and nothing else.
    public init(operations: Operations, isAnswering: Bool = true) {
        guard isAnswering else {
            routes = OperationsRoutes(operations: operations).routes
            return
        }
        let clinics: [[Route]] = [
            TimeRoutes().routes,
            AppointmentRoutes().routes,
            PaymentRoutes().routes,
            DirectoryRoutes().routes,
            HoursRoutes().routes,
            PatientRoutes().routes,
            PatientDeviceRoutes().routes,
            MailboxRoutes().routes,
            SessionRoutes().routes,
            SecondFactorRoutes().routes,
            CorrectionRoutes().routes,
            RetentionRoutes().routes,
            PasswordResetRoutes().routes,
            InvitationRoutes().routes,
            EmailRoutes().routes,
            TokenRoutes().routes,
            ServiceRoutes().routes,
            PageRoutes().routes,
            SignOnRoutes().routes,
            DeadLetterRoutes().routes,
            TaskRoutes().routes,
            SyncRoutes().routes,
            LegacyRoutes().routes,
            IncomingRoutes().routes,
            PreferenceRoutes().routes,
            CallRequestRoutes().routes,
            DelayRoutes().routes,
            StaffContactRoutes().routes,
            TemplateRoutes().routes,
            VisitPageRoutes().routes,
            SeriesRoutes().routes,
            WaitlistRoutes().routes,
            EmergencyRoutes().routes,
            ChangeRoutes().routes,
            WebhookRoutes().routes,
        ]
        let house = OperationsRoutes(operations: operations).routes
        let described = clinics.flatMap(\.self) + house
        routes = described + [OpenAPI.route(describing: described)]
    }
}

/// What the house can say about itself; filled in by whoever wires the program.
public struct Operations: Sendable {
    /// Nil when all is well, else what is wrong, in a few words without any detail about people.
    public var readiness: @Sendable () async -> String?
    /// Everything that can be checked, by name: `ok` or what is wrong.
    public var deepHealth: @Sendable () async -> [(name: String, state: String)]
    /// Prometheus text.
    public var metrics: @Sendable () async -> [UInt8]
    public var version: String
    /// Who wants to hear of a weakness, as RFC 9116 has it; nil where nobody was named.
    public var securityText: @Sendable () async -> SecurityText?

    public init(
        readiness: @escaping @Sendable () async -> String? = { nil },
        deepHealth: @escaping @Sendable () async -> [(name: String, state: String)] = { [] },
        metrics: @escaping @Sendable () async -> [UInt8] = { [] }, version: String = "dev",
        securityText: @escaping @Sendable () async -> SecurityText? = { nil }
    ) {
        self.readiness = readiness
        self.deepHealth = deepHealth
        self.metrics = metrics
        self.version = version
        self.securityText = securityText
    }
}
