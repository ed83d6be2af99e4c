{{/* The configuration file of the operator. */}}
{{- define "ridgepoint.operatorConfig" -}}
{{- $operator := .Values.operator -}}
{{- $listen := trimAll "[]" $operator.listen -}}
{{- $host := ternary (printf "[%s]" $listen) $listen (contains ":" $listen) -}}
{{- $agents := dict "image" (include "ridgepoint.image" (dict "root" . "image" (get .Values.images $operator.agentImage))) -}}
{{- $_ := set $agents "imagePullPolicy" .Values.images.pullPolicy -}}
{{- $_ := set $agents "imagePullSecrets" (.Values.imagePullSecrets | default list) -}}
{{- $_ := set $agents "credentials" ($operator.agentCredentials | default (include "ridgepoint.tlsSecret" (dict "root" . "who" "agent"))) -}}
{{- $_ := set $agents "user" (ternary (int .Values.podSecurity.user) nil .Values.podSecurity.setIds) -}}
{{- $config := dict "coordinator" (include "ridgepoint.address" .) -}}
{{- $_ := set $config "credentialsFolder" "/etc/ridgepoint/credentials" -}}
{{- $_ := set $config "namespaces" (ternary list (list .Release.Namespace) $operator.allNamespaces) -}}
{{- $_ := set $config "coordinatorNamespaces" $operator.coordinatorNamespaces -}}
{{- $_ := set $config "coordinatorsOfSweeps" (not (empty $operator.coordinatorsOfSweeps)) -}}
{{- $_ := set $config "lease" (dict "namespace" .Release.Namespace "name" (printf "%s-operator" (include "ridgepoint.fullname" .))) -}}
{{- $_ := set $config "healthAddress" (printf "%s:9466" $host) -}}
{{- if $operator.webhook.enabled -}}
{{- $_ := set $config "webhook" (dict "address" (printf "%s:9443" $host) "certificateFolder" "/etc/ridgepoint/webhook") -}}
{{- end -}}
{{- $_ := set $config "agents" $agents -}}
{{- toYaml (merge $config $operator.config) -}}
{{- end -}}
