{{/* What one field cannot know of another, each in one sentence; the schema has checked every field by itself. */}}

{{- define "ridgepoint.checks" -}}
{{- $errors := list -}}
{{- $security := .Values.security -}}
{{- $mutual := include "ridgepoint.mutual" . -}}
{{- if eq $security.certificates.from "existing" -}}
{{- range $who := include "ridgepoint.certified" . | fromJsonArray -}}
{{- if not (get $security.certificates.existing $who) -}}
{{- $errors = append $errors (printf "security.certificates.existing.%s: name the Secret with tls.crt, tls.key and ca.crt, for certificates.from is existing." $who) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $tokens := values $security.tokens.existing | compact -}}
{{- if and (not $mutual) $tokens (lt (len $tokens) 3) -}}
{{- $errors = append $errors "security.tokens.existing: name all three Secrets (coordinator, agent, operator) or none, for the list must hold the tokens that agents and operators have." -}}
{{- end -}}
{{- $config := .Values.coordinator.config -}}
{{- if lt (float64 $config.leaseSeconds) (mulf 2 $config.heartbeatSeconds) -}}
{{- $errors = append $errors "coordinator.config.leaseSeconds: it is less than two heartbeats, so one lost heartbeat would end a trial; raise it or lower heartbeatSeconds." -}}
{{- end -}}
{{- if and (eq .Values.coordinator.log.kind "sqlite") (gt (int .Values.coordinator.replicas) 1) -}}
{{- $errors = append $errors "coordinator.replicas: a SQLite file has one coordinator; set coordinator.log.kind to postgres or jetstream for several." -}}
{{- end -}}
{{- if and (eq .Values.coordinator.log.kind "jetstream") (not .Values.coordinator.log.jetstream.servers) -}}
{{- $errors = append $errors "coordinator.log.jetstream.servers: name at least one NATS server, for log.kind is jetstream." -}}
{{- end -}}
{{- if and (eq .Values.coordinator.log.kind "postgres") (not .Values.coordinator.log.postgres.url) -}}
{{- $errors = append $errors "coordinator.log.postgres.url: name the database, for log.kind is postgres." -}}
{{- end -}}
{{- range $address := include "ridgepoint.logAddresses" . | fromJsonArray -}}
{{- $host := $address | regexFind "://[^/?]*" | trimPrefix "://" | regexFind "[^@]*$" | regexFind "^[^:]*" -}}
{{- /* A name of the cluster is SERVICE, SERVICE.NAMESPACE or SERVICE.NAMESPACE.svc…; of others no policy can say where they are. */ -}}
{{- $inside := regexMatch "^[a-z][a-z0-9-]*(\\.[a-z0-9-]+(\\.svc(\\..+)?)?)?$" $host -}}
{{- $labels := splitList "." $host -}}
{{- $namespace := ternary $.Release.Namespace (last (slice $labels 0 (min 2 (len $labels)))) (eq (len $labels) 1) -}}
{{- $reached := or (not $inside) (not $.Values.networkPolicy.logServers) -}}
{{- range $peer := $.Values.networkPolicy.logServers -}}
{{- $named := dig "namespaceSelector" "matchLabels" "kubernetes.io/metadata.name" "" $peer -}}
{{- $own := and (hasKey $peer "podSelector") (not (hasKey $peer "namespaceSelector")) -}}
{{- if eq (ternary $.Release.Namespace (default $namespace $named) $own) $namespace -}}
{{- $reached = true -}}
{{- end -}}
{{- end -}}
{{- if and $.Values.networkPolicy.enabled (not $reached) -}}
{{- $errors = append $errors (printf "networkPolicy.logServers: they keep the coordinator from its log on %s; name the namespace %s, or leave the list empty." $host $namespace) -}}
{{- end -}}
{{- end -}}
{{- $web := .Values.coordinator.web -}}
{{- $ports := list (int .Values.coordinator.service.port) -}}
{{- if and $web.enabled (has (int $web.port) $ports) -}}
{{- $errors = append $errors "coordinator.web.port: gRPC has the same port of the Service; take another one." -}}
{{- end -}}
{{- if $web.ingress.enabled -}}
{{- if not $web.enabled -}}
{{- $errors = append $errors "coordinator.web.ingress: it leads to the web view, which is off; turn coordinator.web.enabled on." -}}
{{- end -}}
{{- if not $web.ingress.host -}}
{{- $errors = append $errors "coordinator.web.ingress.host: name the host that people type." -}}
{{- end -}}
{{- if $mutual -}}
{{- $errors = append $errors "coordinator.web.ingress: an Ingress ends TLS, so no reader's certificate gets through; set security.authentication to token, or use a Service of type LoadBalancer." -}}
{{- end -}}
{{- if and .Values.networkPolicy.enabled (not .Values.networkPolicy.webClients) -}}
{{- $errors = append $errors "networkPolicy.webClients: name the pods of the Ingress controller, or the NetworkPolicy keeps them out." -}}
{{- end -}}
{{- end -}}
{{- range $name, $profile := .Values.agent.profiles -}}
{{- if gt (len (printf "%s-agent-%s" (include "ridgepoint.fullname" $) $name)) 63 -}}
{{- $errors = append $errors (printf "agent.profiles.%s: the name is too long for a label; take a shorter one." $name) -}}
{{- end -}}
{{- if $profile.enabled -}}
{{- range $field := list "requests" "limits" -}}
{{- range $resource, $_ := dig "resources" $field dict $profile -}}
{{- if or (hasPrefix "nvidia.com/" $resource) (hasPrefix "amd.com/" $resource) -}}
{{- $errors = append $errors (printf "agent.profiles.%s.resources.%s: %s belongs into gpu.resource and gpu.count of the profile." $name $field $resource) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.operator.enabled (not $mutual) (not .Values.operator.agentCredentials) -}}
{{- $errors = append $errors "operator.agentCredentials: name a Secret with token and ca.crt, for agents of Sweeps mount one Secret, and security.authentication is token." -}}
{{- end -}}
{{- $bundle := .Values.operator.webhook.caBundle -}}
{{- if and (include "ridgepoint.webhooks" .) (eq $security.certificates.from "existing") (not $bundle) -}}
{{- $errors = append $errors "operator.webhook.caBundle: give the authority of the webhook's certificate as PEM (--set-file), for certificates.from is existing." -}}
{{- end -}}
{{- if and $bundle (ne $security.certificates.from "existing") -}}
{{- $errors = append $errors (printf "operator.webhook.caBundle: leave it out, for certificates.from is %s and the authority is known." $security.certificates.from) -}}
{{- end -}}
{{- $names := list -}}
{{- range .Values.agent.models -}}
{{- if has .name $names -}}
{{- $errors = append $errors (printf "agent.models: two folders are called %s; each needs a name of its own." .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- if $errors -}}
{{- fail (printf "\n%s" (join "\n" $errors)) -}}
{{- end -}}
{{- end -}}
