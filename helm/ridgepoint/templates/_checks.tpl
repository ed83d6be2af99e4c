{{/* What one field cannot know of another, each in one sentence; the schema has checked every field by itself. */}}

{{- define "ridgepoint.checks" -}}
{{- $mistakes := list -}}
{{- $security := .Values.security -}}
{{- $mutual := include "ridgepoint.mutual" . -}}
{{- if eq $security.certificates.from "existing" -}}
{{- range $who := ternary (list "coordinator" "agent" "operator") (list "coordinator") (eq $mutual "true") -}}
{{- if not (get $security.certificates.existing $who) -}}
{{- $mistakes = append $mistakes (printf "security.certificates.existing.%s: name the Secret with tls.crt, tls.key and ca.crt, for certificates.from is existing." $who) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $tokens := values $security.tokens.existing | compact -}}
{{- if and (not $mutual) $tokens (lt (len $tokens) 3) -}}
{{- $mistakes = append $mistakes "security.tokens.existing: name all three Secrets (coordinator, agent, operator) or none, for the list must hold the tokens that agents and operators have." -}}
{{- end -}}
{{- $config := .Values.coordinator.config -}}
{{- if lt (float64 $config.leaseSeconds) (mulf 2 $config.heartbeatSeconds) -}}
{{- $mistakes = append $mistakes "coordinator.config.leaseSeconds: it is less than two heartbeats, so one lost heartbeat would end a trial; raise it or lower heartbeatSeconds." -}}
{{- end -}}
{{- if and (eq .Values.coordinator.log.kind "jetstream") (not .Values.coordinator.log.jetstream.servers) -}}
{{- $mistakes = append $mistakes "coordinator.log.jetstream.servers: name at least one NATS server, for log.kind is jetstream." -}}
{{- end -}}
{{- $web := .Values.coordinator.web -}}
{{- $ports := list (int .Values.coordinator.service.port) -}}
{{- if and $web.enabled (has (int $web.port) $ports) -}}
{{- $mistakes = append $mistakes "coordinator.web.port: gRPC has the same port of the Service; take another one." -}}
{{- end -}}
{{- if $web.ingress.enabled -}}
{{- if not $web.enabled -}}
{{- $mistakes = append $mistakes "coordinator.web.ingress: it leads to the web view, which is off; turn coordinator.web.enabled on." -}}
{{- end -}}
{{- if not $web.ingress.host -}}
{{- $mistakes = append $mistakes "coordinator.web.ingress.host: name the host that people type." -}}
{{- end -}}
{{- if $mutual -}}
{{- $mistakes = append $mistakes "coordinator.web.ingress: an Ingress ends TLS, so no reader's certificate gets through; set security.authentication to token, or use a Service of type LoadBalancer." -}}
{{- end -}}
{{- if and .Values.networkPolicy.enabled (not .Values.networkPolicy.webClients) -}}
{{- $mistakes = append $mistakes "networkPolicy.webClients: name the pods of the Ingress controller, or the NetworkPolicy keeps them out." -}}
{{- end -}}
{{- end -}}
{{- range $name, $profile := .Values.agent.profiles -}}
{{- if gt (len (printf "%s-agent-%s" (include "ridgepoint.fullname" $) $name)) 63 -}}
{{- $mistakes = append $mistakes (printf "agent.profiles.%s: the name is too long for a label; take a shorter one." $name) -}}
{{- end -}}
{{- if $profile.enabled -}}
{{- range $field := list "requests" "limits" -}}
{{- range $resource, $_ := dig "resources" $field dict $profile -}}
{{- if or (hasPrefix "nvidia.com/" $resource) (hasPrefix "amd.com/" $resource) -}}
{{- $mistakes = append $mistakes (printf "agent.profiles.%s.resources.%s: %s belongs into gpu.resource and gpu.count of the profile." $name $field $resource) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $names := list -}}
{{- range .Values.agent.models -}}
{{- if has .name $names -}}
{{- $mistakes = append $mistakes (printf "agent.models: two folders are called %s; each needs a name of its own." .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- if $mistakes -}}
{{- fail (printf "\n%s" (join "\n" $mistakes)) -}}
{{- end -}}
{{- end -}}
